/** Length of the shortest secret that is masked. A shorter one would make the text unreadable and reveal more than it hides. */
const shortestSecret = 4;

/**
 * Replaces secrets in a text by `***`.
 * @param begin - Number of characters at the beginning that are left out, because they may end a secret that begins before
 * the text.
 */
export function maskSecrets(text: string, secrets: readonly string[], begin: number): string {
  // NUL marks what is hidden: no variable can contain it.
  const characters = text.replaceAll("\0", " ").split("");
  for (const secret of new Set(secrets)) {
    if (secret.length < shortestSecret) continue;
    for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + secret.length)) {
      characters.fill("\0", at, at + secret.length);
    }
  }
  return characters.slice(begin).join("").replaceAll(/\0+/g, "***");
}
