import type { ProblemBody } from './types';

/** A refusal of the server (`status` ≥ 400) or no answer at all (`status` 0). */
export class Problem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'Problem';
    this.status = status;
  }

  static unreachable(): Problem {
    return new Problem(0, 'The server cannot be reached. Check the connection and try again.');
  }

  static async of(response: Response): Promise<Problem> {
    const text = await response.text().catch(() => '');
    return new Problem(response.status, problemText(response.status, text));
  }
}

/** The sentence to show for an error answer: its detail, else its title, else the status. */
export function problemText(status: number, body: string): string {
  const problem = parseProblem(body);
  return problem?.detail ?? problem?.title ?? `The server answered with status ${status}.`;
}

function parseProblem(body: string): Partial<ProblemBody> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Words for anything thrown by a call to the API. */
export function reasonOf(error: unknown): string {
  if (error instanceof Problem) return error.message;
  return error instanceof Error ? error.message : 'Something unexpected happened.';
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
