"""Talks to a gateway through the openai package: one scenario a run, its outcome as one line of JSON.

    python openai_python.py BASE_URL SCENARIO

Scenarios that abort wait for a line on standard input first: the test knows when the upstream is at work.
"""

import asyncio
import json
import sys

import openai

HELLO = {"model": "mock-model", "messages": [{"role": "user", "content": "Hello, world!"}]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def plain(client):
    answer = client.chat.completions.create(**HELLO, extra_headers={"x-request-id": "python-1"})
    return {
        "text": answer.choices[0].message.content,
        "tokens": answer.usage.completion_tokens,
        "requestId": answer._request_id,
    }


def stream(client):
    chunks = list(client.chat.completions.create(**HELLO, stream=True))
    return {"text": text_of(chunks), "usage": [chunk.usage is not None for chunk in chunks if chunk.usage]}


def stream_usage(client):
    chunks = list(client.chat.completions.create(**HELLO, stream=True, stream_options={"include_usage": True}))
    return {"text": text_of(chunks), "tokens": chunks[-1].usage.completion_tokens, "choices": len(chunks[-1].choices)}


def tools(client):
    call = client.chat.completions.create(**HELLO, tools=[WEATHER]).choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": call.function.arguments}


def tools_stream(client):
    with client.chat.completions.stream(**HELLO, tools=[WEATHER]) as events:
        call = events.get_final_completion().choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": call.function.arguments}


def models(client):
    return {"ids": [model.id for model in client.models.list()]}


def errors(client):
    """The class of what each request raises, and what it says."""
    requests = {
        "invalid": {**HELLO, "temperature": 3},
        "unknown": {**HELLO, "model": "none"},
        "too-long": {**HELLO, "model": "too-long"},
        "refused": {**HELLO, "model": "refused"},
        "failing": {**HELLO, "model": "failing"},
        "failing-stream": {**HELLO, "model": "failing", "stream": True},
    }
    raised = {}
    for name, request in requests.items():
        try:
            client.chat.completions.create(**request)
        except openai.APIStatusError as error:
            raised[name] = [type(error).__name__, error.status_code, error.code, error.param]
    return raised


def broken(client):
    text = ""
    try:
        for chunk in client.chat.completions.create(**{**HELLO, "model": "cut"}, stream=True):
            text += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        return {"text": text, "raised": type(error).__name__, "code": error.code}
    return {"text": text}


def abort_stream(client):
    with client.chat.completions.create(**{**HELLO, "model": "held"}, stream=True) as chunks:
        first = next(iter(chunks))
        sys.stdin.readline()
    return {"text": first.choices[0].delta.content}


def abort_plain(client):
    async def run():
        async with openai.AsyncOpenAI(base_url=client.base_url, api_key="any-key", max_retries=0) as asynchronous:
            task = asyncio.create_task(asynchronous.chat.completions.create(**{**HELLO, "model": "held"}))
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                # The process stays: the connection must end because of the abort, not because of the exit.
                print(json.dumps({"cancelled": True}), flush=True)
                await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

    asyncio.run(run())
    return {}


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


SCENARIOS = [plain, stream, stream_usage, tools, tools_stream, models, errors, broken, abort_stream, abort_plain]

if __name__ == "__main__":
    _, base_url, wanted = sys.argv
    scenario = next(each for each in SCENARIOS if each.__name__ == wanted)
    with openai.OpenAI(base_url=base_url, api_key="any-key", max_retries=0) as client:
        print(json.dumps(scenario(client)), flush=True)
        if wanted == "abort_stream":
            sys.stdin.readline()
