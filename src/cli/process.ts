import { InvalidArgumentError } from "commander";

/** Resolves when the process receives SIGINT or SIGTERM. */
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

/** Parses a port number. Throws the error that the command line prints. */
export function portNumber(text: string): number {
  return wholeNumber(65535)(text);
}

/** Returns a parser of whole numbers from 0 to `most`, which throws the error that the command line prints. */
export function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number <= most)) throw new InvalidArgumentError(`It must be a number from 0 to ${most}.`);
    return number;
  };
}
