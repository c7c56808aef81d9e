import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Card } from "./gpuTool.ts";

/** Folder of NVIDIA's kernel module. */
export const moduleFolder = "/proc/driver/nvidia";
/** Folder in which NVIDIA's kernel module describes its GPUs, each in a folder with the name of its PCI bus ID. */
export const driverFolder = `${moduleFolder}/gpus`;

/** Returns the GPUs of the kernel module, which knows them also if `nvidia-smi` hangs or does not fit to the module. */
export async function cardsOfDriver(folder: string): Promise<Card[]> {
  const buses = await readdir(folder).catch(() => []);
  const cards = await Promise.all(buses.map((bus) => cardOf(folder, bus)));
  return cards.filter((card) => card !== undefined);
}

async function cardOf(folder: string, bus: string): Promise<Card | undefined> {
  const text = await readFile(join(folder, bus, "information"), "utf8").catch(() => "");
  const place = placeOf(bus);
  // It is `GPU-????????-...` until the GPU has been used.
  const uuid = /^GPU UUID:\s*(GPU-[\w-]+)\s*$/m.exec(text)?.[1];
  const name = /^Model:\s*(.+?)\s*$/m.exec(text)?.[1] ?? "NVIDIA GPU";
  return place === undefined || uuid === undefined ? undefined : { place, gpu: { uuid, name } };
}

/** Returns a PCI bus ID in one form: NVIDIA's programs write its domain with four or eight digits. */
export function placeOf(text: string): string | undefined {
  const [, domain = "", rest] = /([0-9a-f]{1,8}):([0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])/i.exec(text) ?? [];
  return rest && `${domain.padStart(8, "0")}:${rest}`.toUpperCase();
}
