/// <reference lib="es2024.arraybuffer" />
/** Time in milliseconds after which unused blocks are freed. */
const idleTime = 5000;

/** Frees memory immediately. The garbage collector would wait for dozens of megabytes. */
export function release({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

/** Blocks of memory that requests share. They limit the memory that concurrent uploads take. */
export class Blocks {
  readonly #size: number;
  readonly #most: number;
  readonly #idle: Buffer[] = [];
  readonly #waiting = new Set<(block: Buffer) => void>();
  #created = 0;
  #forgetting: NodeJS.Timeout | undefined;

  constructor(size: number, most: number) {
    this.#size = size;
    this.#most = most;
  }

  /** Lends a block to `use`. If no block becomes free within `patience` milliseconds, runs `otherwise` instead. */
  async lend<T>(patience: number, use: (block: Buffer) => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
    const block = this.#idle.pop() ?? this.#create() ?? (await this.#wait(patience));
    if (block === undefined) return otherwise();
    try {
      return await use(block);
    } finally {
      this.#giveBack(block);
    }
  }

  #create(): Buffer | undefined {
    if (this.#created >= this.#most) return undefined;
    this.#created++;
    return Buffer.allocUnsafeSlow(this.#size);
  }

  #wait(patience: number): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const take = (block: Buffer | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(take);
        resolve(block);
      };
      const timer = setTimeout(take, patience, undefined);
      this.#waiting.add(take);
    });
  }

  #giveBack(block: Buffer): void {
    const [next] = this.#waiting;
    if (next !== undefined) return next(block);
    this.#idle.push(block);
    this.#forgetting ??= setTimeout(() => this.#forgetIdle(), idleTime).unref();
    this.#forgetting.refresh();
  }

  #forgetIdle(): void {
    this.#created -= this.#idle.length;
    for (const block of this.#idle.splice(0)) release(block);
  }
}
