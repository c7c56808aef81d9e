/** Cores of Azure's VM sizes whose name has another number, without `Standard_`. Those with premium disks have as many. */
const coresBySize: Readonly<Record<string, number>> = {
  ...{ a0: 1, a3: 4, a4: 8, a5: 2, a6: 4, a7: 8, a9: 16, a10: 8, a11: 16 },
  ...{ d3: 4, d4: 8, d11: 2, d12: 4, d13: 8, d14: 16 },
  ...{ d3_v2: 4, d4_v2: 8, d5_v2: 16, d11_v2: 2, d12_v2: 4, d13_v2: 8, d14_v2: 16, d15_v2: 20 },
  ...{ g1: 2, g2: 4, g3: 8, g4: 16, g5: 32 },
};

/** GPUs of Azure's VM sizes, without `Standard_`; all other sizes have none. */
const gpusBySize: Readonly<Record<string, number>> = {
  ...{ nc6: 1, nc12: 2, nc24: 4, nc24r: 4 },
  ...{ nc6s_v2: 1, nc12s_v2: 2, nc24s_v2: 4, nc24rs_v2: 4 },
  ...{ nc6s_v3: 1, nc12s_v3: 2, nc24s_v3: 4, nc24rs_v3: 4 },
  ...{ nc4as_t4_v3: 1, nc8as_t4_v3: 1, nc16as_t4_v3: 1 },
  ...{ nd6s: 1, nd12s: 2, nd24s: 4, nd24rs: 4, nd40rs_v2: 8 },
  ...{ nv6: 1, nv12: 2, nv24: 4 },
};

/** Returns the number of virtual cores of a VM size. An unknown size has those that its name says, or 1. */
export function coresOf(vmSize: string): number {
  const number = Number(/^[a-z]+_[a-z]+(\d+)/i.exec(vmSize)?.[1] ?? 1);
  return ofSize(coresBySize, vmSize) ?? Math.max(1, number);
}

/** Returns the number of GPUs of a VM size. */
export function gpusOf(vmSize: string): number {
  return ofSize(gpusBySize, vmSize) ?? 0;
}

/** Returns the slots in an MPI host file that a VM size stands for: one for each GPU, or else for each core. */
export function slotsOf(vmSize: string): number {
  return gpusOf(vmSize) || coresOf(vmSize);
}

function ofSize(table: Readonly<Record<string, number>>, vmSize: string): number | undefined {
  const name = vmSize
    .toLowerCase()
    .replace(/^(standard|basic)_/, "")
    .replace(/^([dg])s(?=\d)/, "$1")
    .replace(/_promo$/, "");
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
