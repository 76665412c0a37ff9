/** Returns names for a person: the first ones, and how many more there are. */
export function nameList(names: readonly string[] = []): string {
  const shortened = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shortened} and ${names.length - 5} more` : shortened;
}
