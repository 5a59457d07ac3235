import { Injectable } from '@nestjs/common';
import { type FastifyInstance } from 'fastify';

/** The routes of a listener, to tell a wrong method from an unknown path. */
@Injectable()
export class KnownRoutes {
  readonly #routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];

  /** Call before routes are added. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ url, method }) => {
      if (url.includes('*')) return;
      const path = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+');
      this.#routes.push({ path: new RegExp(`^${path}$`), methods: [method].flat() });
    });
  }

  /** Methods that a path takes; none = unknown path. */
  methodsOf(url: string): readonly string[] {
    const path = url.split('?')[0] ?? '';
    const methods = this.#routes.filter((route) => route.path.test(path)).flatMap((route) => route.methods);
    return [...new Set(methods)];
  }
}
