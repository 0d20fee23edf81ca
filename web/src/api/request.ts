import { Problem } from './problem';

interface RequestOptions {
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** Without the session: the call is anybody's. */
  anonymous?: boolean;
  /** May outlive the page. */
  keepalive?: boolean;
}

type Unauthorised = () => void;
let onUnauthorised: Unauthorised = () => undefined;

/** Called whenever the server no longer knows the session. */
export function whenUnauthorised(listener: Unauthorised): void {
  onUnauthorised = listener;
}

/** Calls the API with the session cookie. Throws `Problem`, or `AbortError` when the signal fires. */
export async function request(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
  const response = await send(method, path, options);
  if (response.ok) return response;
  if (response.status === 401) onUnauthorised();
  throw await Problem.of(response);
}

export async function requestJson<T>(method: string, path: string, options?: RequestOptions): Promise<T> {
  const response = await request(method, path, options);
  return (await response.json()) as T;
}

async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
  const { body, signal, anonymous = false, keepalive = false } = options;
  const headers = new Headers({ Accept: 'application/json', ...options.headers });
  const init: RequestInit = { method, credentials: anonymous ? 'omit' : 'same-origin', headers, keepalive };
  if (body !== undefined) {
    headers.set('Content-Type', 'application/json');
    init.body = JSON.stringify(body);
  }
  if (signal) init.signal = signal;
  try {
    return await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw Problem.unreachable();
  }
}
