/** A lack of something on the machine, for which nothing starts for a moment. */
export interface CurrentShortage {
  readonly reason: string;
  readonly since: Date;
}

/** Returns a sentence about a shortage for people. */
export function shortageMessage({ reason }: CurrentShortage): string {
  return `The machine of the service lacks something at the moment: ${withoutPeriod(reason)}. The service tries again.`;
}

/** Returns a number of nodes in words. */
export function nodesOf(count: number): string {
  return count === 1 ? "1 node" : `${String(count)} nodes`;
}

/** Returns a sentence that can continue. */
export function withoutPeriod(text: string): string {
  return text.replace(/\.$/, "");
}
