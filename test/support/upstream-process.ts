import { type ChildProcess, spawn } from 'node:child_process';

/** The server: says its name after a while, streamed or plain, the content last. */
const PROGRAM = `
const { createServer } = require('node:http');
const [name, afterMs] = process.argv.slice(1);
const event = (delta, finish) => 'data: ' + JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }] }) + '\\n\\n';
createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += chunk)).on('end', () => {
    const { stream } = JSON.parse(text || '{}');
    if (stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event({ role: 'assistant', content: '' }, null));
    }
    process.send('request');
    setTimeout(() => {
      if (stream) return response.end(event({ content: name }, null) + event({}, 'stop') + 'data: [DONE]\\n\\n');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm',
        choices: [{ index: 0, message: { role: 'assistant', content: name }, finish_reason: 'stop' }] }));
    }, Number(afterMs));
  });
}).listen(0, '127.0.0.1', function () { process.send(this.address().port); });
`;

/** An upstream that is a process of its own, so that it can be killed. */
export class UpstreamProcess {
  /** Requests that it has received so far. */
  received = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly baseUrl: string,
  ) {
    child.on('message', (message) => {
      if (message === 'request') this.received++;
    });
  }

  static async start(name: string, afterMs: number): Promise<UpstreamProcess> {
    const child = spawn(process.execPath, ['-e', PROGRAM, name, String(afterMs)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const port = await new Promise((resolve) => child.once('message', resolve));
    return new UpstreamProcess(child, `http://127.0.0.1:${String(port)}/v1`);
  }

  /** As `kill -9` does it: sockets are reset, nothing is said. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}
