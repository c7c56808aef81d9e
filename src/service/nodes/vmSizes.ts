/** Number of cores, memory in GiB, and number of GPUs if there are any. */
type Facts = readonly [cores: number, memoryInGiB: number, gpus?: number];

/**
 * The VM sizes of Azure that Batch AI could use, without `Standard_`, and without the letter of premium disks. Cores and
 * memory are those of Azure's pages of 2018.
 */
const factsBySize: Readonly<Record<string, Facts>> = {
  ...{ a0: [1, 0.75], a1: [1, 1.75], a2: [2, 3.5], a3: [4, 7], a4: [8, 14], a5: [2, 14], a6: [4, 28], a7: [8, 56] },
  ...{ a8: [8, 56], a9: [16, 112], a10: [8, 56], a11: [16, 112] },
  ...{ a1_v2: [1, 2], a2_v2: [2, 4], a4_v2: [4, 8], a8_v2: [8, 16], a2m_v2: [2, 16], a4m_v2: [4, 32], a8m_v2: [8, 64] },
  ...{ d1: [1, 3.5], d2: [2, 7], d3: [4, 14], d4: [8, 28], d11: [2, 14], d12: [4, 28], d13: [8, 56], d14: [16, 112] },
  ...{ d1_v2: [1, 3.5], d2_v2: [2, 7], d3_v2: [4, 14], d4_v2: [8, 28], d5_v2: [16, 56] },
  ...{ d11_v2: [2, 14], d12_v2: [4, 28], d13_v2: [8, 56], d14_v2: [16, 112], d15_v2: [20, 140] },
  ...{ d2_v3: [2, 8], d4_v3: [4, 16], d8_v3: [8, 32], d16_v3: [16, 64], d32_v3: [32, 128], d48_v3: [48, 192] },
  ...{ d64_v3: [64, 256] },
  ...{ e2_v3: [2, 16], e4_v3: [4, 32], e8_v3: [8, 64], e16_v3: [16, 128], e20_v3: [20, 160], e32_v3: [32, 256] },
  ...{ e48_v3: [48, 384], e64_v3: [64, 432] },
  ...{ f1: [1, 2], f2: [2, 4], f4: [4, 8], f8: [8, 16], f16: [16, 32] },
  ...{ f2_v2: [2, 4], f4_v2: [4, 8], f8_v2: [8, 16], f16_v2: [16, 32], f32_v2: [32, 64], f64_v2: [64, 128] },
  ...{ f72_v2: [72, 144] },
  ...{ g1: [2, 28], g2: [4, 56], g3: [8, 112], g4: [16, 224], g5: [32, 448] },
  ...{ h8: [8, 56], h16: [16, 112], h8m: [8, 112], h16m: [16, 224], h16r: [16, 112], h16mr: [16, 224] },
  ...{ l4: [4, 32], l8: [8, 64], l16: [16, 128], l32: [32, 256], l8_v2: [8, 64], l16_v2: [16, 128], l32_v2: [32, 256] },
  ...{ l48_v2: [48, 384], l64_v2: [64, 512], l80_v2: [80, 640] },
  ...{ m8m: [8, 218.75], m16m: [16, 437.5], m32t: [32, 192], m32l: [32, 256], m32m: [32, 875], m64l: [64, 512] },
  ...{ m64: [64, 1024], m64m: [64, 1792], m128: [128, 2048], m128m: [128, 3892] },
  ...{ nc6: [6, 56, 1], nc12: [12, 112, 2], nc24: [24, 224, 4], nc24r: [24, 224, 4] },
  ...{ nc6_v2: [6, 112, 1], nc12_v2: [12, 224, 2], nc24_v2: [24, 448, 4], nc24r_v2: [24, 448, 4] },
  ...{ nc6_v3: [6, 112, 1], nc12_v3: [12, 224, 2], nc24_v3: [24, 448, 4], nc24r_v3: [24, 448, 4] },
  ...{ nc4a_t4_v3: [4, 28, 1], nc8a_t4_v3: [8, 56, 1], nc16a_t4_v3: [16, 110, 1], nc64a_t4_v3: [64, 440, 4] },
  ...{ nd6: [6, 112, 1], nd12: [12, 224, 2], nd24: [24, 448, 4], nd24r: [24, 448, 4], nd40r_v2: [40, 672, 8] },
  ...{ nv6: [6, 56, 1], nv12: [12, 112, 2], nv24: [24, 224, 4] },
  ...{ nv6_v2: [6, 112, 1], nv12_v2: [12, 224, 2], nv24_v2: [24, 448, 4] },
  ...{ nv12_v3: [12, 112, 1], nv24_v3: [24, 224, 2], nv48_v3: [48, 448, 4] },
};

/** Cores, memory and GPUs of a VM size of Azure. */
export interface VmSize {
  readonly cores: number;
  readonly memoryInGiB: number;
  readonly gpus: number;
}

/** Returns a VM size that Batch AI could use; undefined if it is none of them. */
export function vmSizeOf(name: string): VmSize | undefined {
  const [, family = "", active, version = ""] = /^([a-z]+\d+)-(\d+)(.*)$/i.exec(withoutTier(name)) ?? [];
  const facts = factsOf(active === undefined ? withoutTier(name) : family + version);
  if (facts === undefined) return undefined;
  const [cores, memoryInGiB, gpus = 0] = facts;
  // A constrained size, such as DS14-4_v2, has the memory of DS14_v2, but only 4 of its cores.
  return { cores: Math.min(cores, Number(active ?? cores)), memoryInGiB, gpus };
}

/** Returns the number of virtual cores of a VM size. An unknown size has those that its name says, or 1. */
export function coresOf(vmSize: string): number {
  const number = Number(/^[a-z]+_[a-z]+(\d+)/i.exec(vmSize)?.[1] ?? 1);
  return vmSizeOf(vmSize)?.cores ?? Math.max(1, number);
}

function withoutTier(name: string): string {
  return name.replace(/^(standard|basic)_/i, "");
}

/** Returns the facts of a size. Letters that change neither cores nor memory, such as `s` for premium disks, are left out. */
function factsOf(name: string): Facts | undefined {
  const plain = name
    .toLowerCase()
    .replace(/_promo$/, "")
    .replace(/^([dg])s(?=\d)/, "$1")
    .replace(/(is|i|s)(?=_|$)/, "");
  return Object.hasOwn(factsBySize, plain) ? factsBySize[plain] : undefined;
}
