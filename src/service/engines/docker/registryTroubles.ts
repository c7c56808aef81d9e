import type { StartError } from "../../startError.ts";

/** Time since the first failure after which a trouble of a registry counts as permanent, in milliseconds. */
const limitInMs = 600_000;
const troubles =
  /unexpected EOF|context canceled|toomanyrequests|too many requests|connection reset|i\/o timeout|TLS handshake timeout|status(?: code)?:? (?:429|5\d\d)/i;

/** The pulls that fail because a registry, or the way to it, is in trouble: they are tried again, but not for ever. */
export class RegistryTroubles {
  /** Times of the first and the last failure that may have passed, by pull. */
  readonly #failures = new Map<string, { readonly first: number; readonly last: number }>();

  /** Whether a pull that has failed may succeed later. */
  mayPass(pull: string, { message }: StartError, now = performance.now()): boolean {
    for (const [each, { last }] of this.#failures) if (now - last >= limitInMs) this.#failures.delete(each);
    if (!troubles.test(message)) return false;
    const failure = this.#failures.get(pull) ?? { first: now, last: now };
    if (now - failure.first >= limitInMs) return false;
    this.#failures.set(pull, { ...failure, last: now });
    return true;
  }
}
