import { type FastifyInstance } from 'fastify';

/** A gateway file may be sent as it is: its text becomes the member `config` of the body. */
export function acceptYaml(server: FastifyInstance): void {
  server.addContentTypeParser('application/yaml', { parseAs: 'string' }, (_request, text, done) => {
    done(null, { config: text });
  });
}
