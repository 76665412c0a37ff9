/** The first sentence of a text, or as many words of it as fit into so many characters. */
export function inShort(text: string, length = 160): string {
  const [sentence = ''] = text.split(/(?<=[.!?])\s+(?=\p{Lu})/u);
  if (sentence.length <= length) return sentence;
  const cut = sentence.slice(0, length);
  const end = cut.lastIndexOf(' ');
  return `${end > length / 2 ? cut.slice(0, end) : cut}…`;
}
