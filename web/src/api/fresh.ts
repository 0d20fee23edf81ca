/** A name that nothing else has. (A page that came by plain http has no `randomUUID`.) */
export function freshName(): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
}
