import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Every ban has its reason in its message: a lesson learnt twice becomes a rule. */
const bannedSyntax = [
  {
    selector: "MemberExpression[property.name='headersDistinct']",
    message: 'headersDistinct crashes on a __proto__ header (CVE-2026-21710): read headers instead.',
  },
  {
    selector: "Property[key.name='insecureHTTPParser']",
    message: 'The lenient parser lets smuggled requests through: never enable it.',
  },
  {
    selector: "CallExpression[callee.name='forwardRef']",
    message: 'forwardRef hides a cycle between modules: cut the cycle.',
  },
  {
    selector: "CallExpression[callee.name='Global'], Decorator[expression.callee.name='Global']",
    message: '@Global hides who needs what: import the module where it is used.',
  },
  {
    selector: "MemberExpression[object.name='Scope'][property.name='REQUEST']",
    message: 'Request-scoped providers cost five times the request: pass RequestContext.',
  },
];

/** Of the server: what a request runs through. */
const bannedServerSyntax = [
  {
    selector:
      'AssignmentExpression[left.type=/^(Member|TSAs|TSNonNull)Expression$/] > ' +
      ':matches(ArrowFunctionExpression, FunctionExpression).right, ' +
      'AssignmentExpression[left.type=/^(Member|TSAs|TSNonNull)Expression$/] > ' +
      ':matches(TSAsExpression, TSSatisfiesExpression).right > :matches(ArrowFunctionExpression, FunctionExpression)',
    message:
      'V8 makes a function that is assigned to a member where it is written in its old generation, and all that it ' +
      'knows stays until the next full collection: hand it over as an argument (ADR 0020).',
  },
];

const bannedGlobals = (allow) =>
  [
    { object: 'process', property: 'env', message: 'Only src/config/env.ts reads the environment.', file: 'env' },
    { object: 'Date', property: 'now', message: 'Inject Clock: tests own the time.', file: 'clock' },
    { object: 'performance', property: 'now', message: 'Inject Clock: tests own the time.', file: 'clock' },
    { object: 'Math', property: 'random', message: 'Inject Clock.random: runs must repeat.', file: 'clock' },
  ]
    .filter((ban) => ban.file !== allow)
    .map(({ object, property, message }) => ({ object, property, message }));

const bannedTimers = ['setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
  name,
  message: 'Inject Clock: a timer that tests cannot move is a sleep.',
}));

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', 'coverage/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      // Nest declares its options as classes and takes plain objects.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Nest modules are classes without members; so are markers.
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', ...bannedSyntax],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/**/*.spec.ts', 'src/**/*.suite.ts', 'src/config/env.ts', 'src/kernel/clock.ts', 'src/console/**'],
    rules: {
      'no-restricted-properties': ['error', ...bannedGlobals()],
      'no-restricted-globals': ['error', ...bannedTimers],
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/**/*.spec.ts', 'src/**/*.suite.ts', 'src/console/**'],
    rules: { 'no-restricted-syntax': ['error', ...bannedSyntax, ...bannedServerSyntax] },
  },
  {
    files: ['src/config/env.ts'],
    rules: {
      'no-restricted-properties': ['error', ...bannedGlobals('env')],
      'no-restricted-globals': ['error', ...bannedTimers],
    },
  },
  {
    files: ['src/**/*.spec.ts', 'src/**/*.suite.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Assertions narrow by failing; a test that dereferences undefined fails loudly.
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': ['error', { max: 600, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['src/config/gateway-config.schema.ts', 'src/kernel/openai.ts'],
    rules: { 'max-lines': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        module: 'writable',
        setTimeout: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        performance: 'readonly',
        fetch: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
      },
    },
  },
);
