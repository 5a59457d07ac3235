// What a careful team writes first: Fastify in, undici's `request` out, the body kept as bytes, the answer's stream
// handed to Fastify. Settings: PORT, UPSTREAM.
import Fastify from 'fastify';
import { Pool } from 'undici';

const pool = new Pool(process.env.UPSTREAM, { connections: null, bodyTimeout: 0, headersTimeout: 0 });
const NOT_PASSED_ON = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding']);
const app = Fastify({ bodyLimit: 16 * 1024 * 1024 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

function passedOn(headers) {
  const passed = {};
  for (const name in headers) if (!NOT_PASSED_ON.has(name)) passed[name] = headers[name];
  return passed;
}

app.all('/*', async (request, reply) => {
  const headers = passedOn(request.headers);
  const answer = await pool.request({ method: request.method, path: request.url, headers, body: request.body });
  reply.code(answer.statusCode);
  reply.headers(passedOn(answer.headers));
  return reply.send(answer.body);
});

await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
