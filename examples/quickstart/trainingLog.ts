/** Report of a training script in the format of CNTK, about one pass over the training data. */
export interface Epoch {
  readonly name: string;
  readonly loss: number;
  /** Share of recognized training images, in percent. */
  readonly accuracy: number;
}

/** Finds the lines `Finished Epoch[1 of 3]: [Training] loss = 0.16 * 60000, metric = 5.01% * 60000 ...`. */
export function epochsIn(log: string): Epoch[] {
  const lines = log.matchAll(/^Finished Epoch\[([^\]]+)\]: .*?loss = ([\d.]+) \* \d+, metric = ([\d.]+)% \* \d+/gm);
  return Array.from(lines, ([, name = "", loss, error]) => {
    return { name, loss: Number(loss), accuracy: 100 - Number(error) };
  });
}

/**
 * Returns the accuracy on the test images in percent, from the last line
 * `Finished Evaluation ... metric = 1.10% * 10000`.
 */
export function testAccuracyIn(log: string): number | undefined {
  const error = Array.from(log.matchAll(/^Finished Evaluation.*?metric = ([\d.]+)% \* \d+/gm)).at(-1)?.[1];
  return error === undefined ? undefined : 100 - Number(error);
}
