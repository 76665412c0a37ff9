import { ApiError, type Problem } from '@acmex/api';
import { ended } from './session.ts';

/**
 * Fetches a file and gives it to the browser to save. What it holds stays in no address, and nothing
 * of it stays in the page.
 *
 * @param path of this server, with its query
 * @throws ApiError with the problem of the server, or `ERR_API_UNREACHABLE`
 */
export async function download(
  path: string,
  {
    file,
    headers = {},
  }: { readonly file: string; readonly headers?: Readonly<Record<string, string>> },
): Promise<void> {
  const response = await fetch(path, { headers }).catch((cause: unknown) => {
    throw new ApiError('ERR_API_UNREACHABLE', 'the server cannot be reached', { cause });
  });
  if (response.status === 401) ended('ended');
  if (!response.ok) throw await refusalOf(response);
  save(await response.blob(), file);
}

/** Gives a file to the browser to save. */
export function save(content: Blob, file: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = file;
  link.click();
  URL.revokeObjectURL(url);
}

async function refusalOf(response: Response): Promise<ApiError> {
  const { status, statusText } = response;
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined;
  return problem?.code === undefined
    ? new ApiError('ERR_API_ANSWER', `${status} ${statusText}`, { status })
    : new ApiError(problem.code, problem.detail, { status, problem });
}
