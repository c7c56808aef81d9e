import { InvalidArgumentError } from "commander";

/** Resolves once the process is asked to stop. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => {
      resolve();
    });
    process.once("SIGTERM", () => {
      resolve();
    });
  });
}

/** Reads the number of a port. Throws what the user is told. */
export function portNumber(text: string): number {
  return wholeNumber(65535)(text);
}

/** Reads whole numbers from 0 to `most`. What it returns throws what the user is told. */
export function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number <= most)) throw new InvalidArgumentError(`It must be a number from 0 to ${most}.`);
    return number;
  };
}
