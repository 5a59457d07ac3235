/** What a code means to a caller; `docs/` and the filter read nothing else. */
interface ErrorKind {
  readonly status: number;
  readonly type: string;
  /** Said when the thrower has nothing more precise to say. */
  readonly message: string;
  /** Headers that always go with the code. */
  readonly headers?: Readonly<Record<string, string>>;
}

const invalid = 'invalid_request_error';
const server = 'server_error';
const never = { 'x-should-retry': 'false' } as const;

/** THE table: every code that a caller can see, its status, OpenAI `type` and fixed headers. */
export const ERROR_TABLE = {
  invalid_api_key: {
    status: 401,
    type: invalid,
    message: 'Incorrect API key provided.',
    headers: { 'www-authenticate': 'Bearer', ...never },
  },
  model_not_found: { status: 404, type: invalid, message: 'The model does not exist or you do not have access to it.' },
  not_found: { status: 404, type: invalid, message: 'Unknown request URL.' },
  method_not_allowed: { status: 405, type: invalid, message: 'Method not allowed.' },
  permission_denied: { status: 403, type: invalid, message: 'This key may not do that.' },
  invalid_json: { status: 400, type: invalid, message: 'The body is not valid JSON.' },
  invalid_value: { status: 400, type: invalid, message: 'A value in the request is not allowed.' },
  unknown_provider: { status: 400, type: invalid, message: 'X-Provider-Priority names an unknown provider.' },
  unsupported_media_type: { status: 415, type: invalid, message: 'Send application/json, not encoded.' },
  request_too_large: {
    status: 413,
    type: invalid,
    message: 'The request body is too large.',
    headers: { connection: 'close' },
  },
  headers_too_large: {
    status: 431,
    type: invalid,
    message: 'The request headers are too large.',
    headers: { connection: 'close' },
  },
  request_timeout: {
    status: 408,
    type: invalid,
    message: 'The request did not arrive in time.',
    headers: { connection: 'close' },
  },
  bad_request: {
    status: 400,
    type: invalid,
    message: 'The request could not be understood.',
    headers: { connection: 'close' },
  },
  content_filter: { status: 400, type: invalid, message: 'The request was refused by a content rule.', headers: never },
  context_length_exceeded: { status: 400, type: invalid, message: "The request exceeds the model's context length." },
  unpriced_model: { status: 400, type: invalid, message: 'The model has no price, and the key has a budget.' },
  request_exceeds_limit: {
    status: 400,
    type: invalid,
    message: "The request can never fit the key's token limit.",
    headers: never,
  },
  rate_limit_exceeded: { status: 429, type: 'requests', message: 'Rate limit reached.' },
  concurrency_limit_exceeded: { status: 429, type: 'requests', message: 'Too many concurrent requests for this key.' },
  insufficient_quota: { status: 429, type: 'insufficient_quota', message: 'The budget is spent.', headers: never },
  budget_reserved: {
    status: 429,
    type: 'insufficient_quota',
    message: 'The rest of the budget is reserved by requests in flight.',
  },
  overloaded: { status: 503, type: server, message: 'The gateway is overloaded. Try again shortly.' },
  queue_timeout: { status: 503, type: server, message: 'No capacity became free in time.' },
  shutting_down: {
    status: 503,
    type: server,
    message: 'The gateway is shutting down.',
    headers: { connection: 'close', 'retry-after': '1' },
  },
  quota_backend_unavailable: {
    status: 503,
    type: server,
    message: 'Budgets cannot be checked at the moment.',
    headers: { 'retry-after': '1' },
  },
  no_provider_available: { status: 503, type: server, message: 'No provider is available for this model.' },
  upstream_error: { status: 502, type: server, message: 'The upstream providers failed.' },
  upstream_configuration: {
    status: 502,
    type: server,
    message: 'The upstream refused the credentials or the deployment of the gateway.',
  },
  upstream_invalid_request: {
    status: 400,
    type: invalid,
    message: 'The upstream rejected the request.',
    headers: never,
  },
  upstream_timeout: { status: 504, type: server, message: 'The upstream did not answer in time.' },
  deadline_exceeded: { status: 504, type: server, message: 'The deadline of the request passed.', headers: never },
  lease_lost: { status: 503, type: server, message: 'The reservation of the request was lost.' },
  internal_error: { status: 500, type: server, message: 'An unexpected error occurred.' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** OpenAI's error object, as in `{"error": …}`. */
export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

export interface GatewayErrorDetails {
  /** Replaces the table's message. Must hold no secret, upstream URL or stack. */
  readonly message?: string;
  /** The request member at fault, as a path: `messages[0].role`. */
  readonly param?: string;
  /** Added to the table's headers, and winning over them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces the table's status: only for relayed upstream refusals (400, 413, 422). */
  readonly status?: number;
  /** Replaces the table's type: an upstream's own, or `tokens` for a rate limit. */
  readonly type?: string;
  /** Replaces the code that the caller sees: an upstream's own. */
  readonly publicCode?: string | null;
  readonly cause?: unknown;
}

/** The one way to fail: whoever cannot go on throws it, the exception filter alone answers. */
export class GatewayError extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly type: string;
  readonly publicCode: string | null;

  constructor(
    readonly code: ErrorCode,
    details: GatewayErrorDetails = {},
  ) {
    const kind: ErrorKind = ERROR_TABLE[code];
    super(details.message ?? kind.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GatewayError';
    this.status = details.status ?? kind.status;
    this.param = details.param ?? null;
    this.headers = { ...kind.headers, ...details.headers };
    this.type = details.type ?? kind.type;
    this.publicCode = details.publicCode === undefined ? code : details.publicCode;
  }

  /** The object that the caller sees under `error`. */
  toObject(): ErrorObject {
    return { message: this.message, type: this.type, param: this.param, code: this.publicCode };
  }
}
