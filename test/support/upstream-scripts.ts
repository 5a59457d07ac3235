import { type ServerResponse } from 'node:http';
import { type UpstreamScript } from './scripted-upstream.js';

/** One event of a stream, as OpenAI sends it. */
export function event(delta: object, finish: string | null = null, usage?: object): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm', choices };
  return `data: ${JSON.stringify({ ...chunk, ...(usage && { usage }) })}\n\n`;
}

/** Begins a stream. */
export function beginStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(event({ role: 'assistant', content: '' }));
}

/** Answers as asked, streamed or plain; `name` is the text, and the model that says it. */
export function answers(name: string, afterMs = 0): UpstreamScript {
  return ({ body }, response) => {
    const { stream } = JSON.parse(body.toString()) as { stream?: boolean };
    const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
    const reply = (): void => {
      if (stream === true) {
        beginStream(response);
        response.end(`${event({ content: name })}${event({}, 'stop', usage)}data: [DONE]\n\n`);
        return;
      }
      const message = { role: 'assistant', content: name };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ id: 'c', object: 'chat.completion', created: 1_700_000_000, model: name, choices, usage }),
      );
    };
    if (afterMs > 0) setTimeout(reply, afterMs);
    else reply();
  };
}

/** Refuses with an error in OpenAI's shape. */
export function refuses(status: number, headers: Record<string, string> = {}, error: object = {}): UpstreamScript {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(
      JSON.stringify({ error: { message: `said ${status}`, type: 'some_error', param: null, code: null, ...error } }),
    );
  };
}

/** Plays scripts in turn, the last one for ever. */
export function inTurn(...scripts: UpstreamScript[]): UpstreamScript {
  return (request, response, socket) =>
    (scripts.length > 1 ? scripts.shift() : scripts[0])?.(request, response, socket);
}
