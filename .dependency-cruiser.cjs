/** The layers of docs/ARCHITECTURE.md: a folder imports only from layers below its own, never from a neighbour. */
const layers = [
  ['cluster'],
  ['chat', 'health', 'admin'],
  ['explain'],
  ['planning'],
  ['auth', 'quota', 'guardrails', 'routing', 'resilience', 'chaos', 'observability', 'gameday'],
  ['config'],
  ['providers'],
  ['http'],
  ['kernel'],
];
// What starts the process stands above every layer.
const roots = '^src/[^/]+\\.ts$';

const rules = [];
layers.forEach((folders, level) => {
  for (const folder of folders) {
    const allowed = [folder, ...layers.slice(level + 1).flat()];
    rules.push({
      name: `layer-${folder}`,
      comment: `src/${folder} may import only itself and the layers below it.`,
      severity: 'error',
      from: { path: `^src/${folder}/`, pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/', pathNot: `^src/(${allowed.join('|')})/` },
    });
  }
});

module.exports = {
  forbidden: [
    ...rules,
    {
      name: 'console-apart',
      comment: 'The page runs in a browser: it shares no code with the server, only the operations API.',
      severity: 'error',
      from: { path: '^src/console/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(src|test)/', pathNot: '^src/console/' },
    },
    {
      name: 'server-without-console',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/console/' },
      to: { path: '^src/console/|node_modules/(preact|uplot)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'provider-alone',
      comment: 'A wire format never depends on another wire format, except that vLLM is OpenAI plus quirks.',
      severity: 'error',
      from: { path: '^src/providers/([^/]+)/', pathNot: '^src/providers/vllm/' },
      to: { path: '^src/providers/([^/]+)/', pathNot: '^src/providers/$1/' },
    },
    {
      name: 'sockets-in-one-file',
      comment: 'Only upstream-connector.ts opens sockets to upstreams.',
      severity: 'error',
      from: { path: '^src/', pathNot: '(^src/providers/upstream-connector\\.ts|\\.spec\\.ts)$' },
      to: { path: '^(undici|node:net|node:tls|net|tls)$|node_modules/undici/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'rxjs-in-interceptors-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.interceptor\\.ts$' },
      to: { path: 'node_modules/rxjs' },
    },
    {
      name: 'kernel-knows-no-framework',
      severity: 'error',
      from: { path: '^src/kernel/', pathNot: '\\.spec\\.ts$' },
      to: { path: 'node_modules/(@nestjs|fastify|undici|prom-client|ioredis)' },
    },
    {
      name: 'no-junk-drawers',
      severity: 'error',
      from: {},
      to: { path: '/(utils|helpers|common|shared|misc)/', pathNot: 'node_modules' },
    },
    {
      name: 'roots-are-leaves',
      comment: 'Nobody imports what starts the process.',
      severity: 'error',
      from: { path: '^src/', pathNot: `${roots}|\\.spec\\.ts$` },
      to: { path: roots },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
    exclude: { path: '\\.spec\\.ts$' },
  },
};
