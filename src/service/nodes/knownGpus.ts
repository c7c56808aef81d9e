import type { Card, Look } from "./gpuTool.ts";

/** A card of this or an earlier look. */
export interface Known {
  readonly card: Card;
  readonly index: number;
}

/**
 * The GPUs of this machine, by their UUIDs. GPUs that a look has found stay known until the service ends. GPUs that are
 * only assumed, because the system names them or an earlier service has found them, stay until the tool shows better.
 */
export class KnownGpus {
  readonly #known = new Map<string, Known>();
  /** UUIDs of GPUs that only the system names, until the tool responds: in a container, it may show fewer. */
  readonly #named = new Set<string>();
  /** UUIDs of GPUs of an earlier service, until the tool lists any: a tool that lists none may just have lost them. */
  readonly #remembered = new Set<string>();
  /** Whether a tool has listed all GPUs. */
  #isSettled = false;

  /** Returns the GPUs in the order of their indexes. */
  all(): Known[] {
    return [...this.#known.values()].sort((a, b) => a.index - b.index || compare(a.card.place, b.card.place));
  }

  find(uuid: string): Known | undefined {
    return this.#known.get(uuid);
  }

  /**
   * Adds GPUs that no look has found yet.
   * @param remembered - Those that an earlier service has found.
   * @param named - Those that the system names. It is right about the places that it knows.
   */
  assume(remembered: readonly Card[], named: readonly Card[]): void {
    const uuids = new Map(named.map(({ place, gpu }) => [place, gpu.uuid]));
    const still = remembered.filter(({ place, gpu, whole }) => {
      return [undefined, whole ?? gpu.uuid].includes(uuids.get(place));
    });
    const others = named.filter(({ place }) => !still.some((card) => card.place === place));
    const places = placesOf([...still, ...others]);
    for (const card of [...still, ...others]) this.#set(card, places);
    for (const { gpu } of still) this.#remembered.add(gpu.uuid);
    for (const { gpu } of others) this.#named.add(gpu.uuid);
  }

  /**
   * Takes the result of a tool that works. A list that may be incomplete adds GPUs and changes their indexes, but removes
   * none. Returns whether the indexes count from now on: until the first complete list, GPUs may only be assumed.
   */
  take(look: Look): boolean {
    const { lost, incomplete } = look;
    const cards = incomplete === undefined ? look.cards : look.cards.filter((card) => this.#canBe(card));
    const kept = incomplete === undefined ? [] : this.all().map(({ card }) => card);
    // The driver still counts a GPU that it names as lost, but no GPU that has gone.
    const places = placesOf([...cards, ...kept], lost.keys());
    if (incomplete === undefined) this.#removeBut(cards, lost, places);
    for (const card of cards) this.#set(card, places);
    const counts = cards.length > 0 && !this.#isSettled;
    if (incomplete === undefined) {
      this.#named.clear();
      if (cards.length > 0) this.#remembered.clear();
      if (cards.length > 0) this.#isSettled = true;
    }
    return counts;
  }

  /** Whether no other GPU is known in the place of a card: a tool that fails does not say that one has replaced the other. */
  #canBe({ place, gpu }: Card): boolean {
    return this.#known.has(gpu.uuid) || !this.all().some(({ card }) => card.place === place);
  }

  #removeBut(cards: readonly Card[], lost: Look["lost"], places: readonly string[]): void {
    const listed = new Set(cards.map(({ place }) => place));
    const isAssumed = (uuid: string) => this.#named.has(uuid) || (cards.length > 0 && this.#remembered.has(uuid));
    for (const [uuid, { card }] of this.#known) {
      // Its owner has divided the GPU (MIG), or put another GPU in its place.
      if (listed.has(card.place)) this.#known.delete(uuid);
      else if (lost.has(card.place)) this.#set(card, places);
      else if (isAssumed(uuid)) this.#known.delete(uuid);
    }
  }

  #set(card: Card, places: readonly string[]): void {
    this.#known.set(card.gpu.uuid, { card, index: card.index ?? places.indexOf(card.place) });
  }
}

function placesOf(cards: readonly Card[], more: Iterable<string> = []): string[] {
  return [...new Set([...cards.map(({ place }) => place), ...more])].sort();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
