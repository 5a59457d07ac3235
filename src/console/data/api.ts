/** The gateway's answer was no: with its status and its stable code. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The operations API under one admin key. */
export class Api {
  /** @param onRefused the key is no admin's, or no longer */
  constructor(
    private readonly key: string,
    private readonly onRefused: (message: string) => void,
  ) {}

  /** @throws ApiError, or TypeError where nobody answers */
  async get<Answer>(path: string): Promise<Answer> {
    return (await (await this.open('GET', path)).json()) as Answer;
  }

  /** @throws ApiError, or TypeError where nobody answers */
  async send<Answer>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
    const text = await (await this.open(method, path, { body })).text();
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  /** The answer with its body unread. @throws ApiError, or TypeError where nobody answers */
  async open(
    method: string,
    path: string,
    given: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const { body, headers, signal } = given;
    const response = await fetch(`/admin/${path}`, {
      method,
      cache: 'no-store',
      headers: {
        ...headers,
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (response.ok) return response;
    const error = await errorOf(response);
    // A change may be denied to an admin, too: what cannot even be read needs another key.
    if (error.code === 'invalid_api_key' || (error.code === 'permission_denied' && method === 'GET')) {
      this.onRefused(error.message);
    }
    throw error;
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as { error: { code: string | null; message: string } };
    return new ApiError(response.status, error.code ?? '', error.message);
  } catch {
    return new ApiError(response.status, '', `The gateway answered ${response.status}.`);
  }
}

/** What went wrong, for people. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return 'The gateway does not answer.';
}
