type Json = Readonly<Record<string, unknown>>;

/**
 * The same answer with another object in it; problems and bodies that are not a JSON object are
 * unchanged.
 */
export async function rewritten(answer: Response, change: (json: Json) => Json): Promise<Response> {
  const text = await answer.text();
  const body =
    answer.ok && /^application\/json/.test(answer.headers.get('content-type') ?? '')
      ? JSON.stringify(change(JSON.parse(text) as Json))
      : text;
  return new Response(body === '' ? null : body, answer);
}
