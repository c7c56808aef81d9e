/**
 * Answers of `nvidia-smi` and `rocm-smi`, quoted from public threads. Where a thread shows the values in another form, they
 * are put into the form of the query that the service sends.
 */

/** UUIDs and PCI bus IDs of eight RTX 2080 Ti: https://github.com/NVIDIA/nvidia-docker/issues/1506 (driver 465.19.01). */
export const eightCards = [
  ["GPU-5d49bdf4-b8d0-21ce-9260-a89c66748d92", "00000000:1A:00.0"],
  ["GPU-bb7b99c7-32ed-1a0e-197d-538ead68df4c", "00000000:1B:00.0"],
  ["GPU-6773a289-bb4d-9bc7-b36b-4bafdff4addf", "00000000:60:00.0"],
  ["GPU-89626cb0-2987-b13c-7702-5d4e5d8b02ad", "00000000:61:00.0"],
  ["GPU-93198978-087a-6bd5-f939-2165d993b0da", "00000000:B1:00.0"],
  ["GPU-d62c8052-4e87-31d9-51bd-3ebdc5760f08", "00000000:B2:00.0"],
  ["GPU-10f93ec0-f9ed-4eee-bb40-cb1203d43849", "00000000:DA:00.0"],
  ["GPU-a664610b-dc7d-1a19-30cd-2424a8f6f77e", "00000000:DB:00.0"],
] as const;

/** UUIDs of the eight cards, in the order of their PCI bus IDs. */
export const eightUuids: readonly string[] = eightCards.map(([uuid]) => uuid);

/** Returns the lines of `--query-gpu` for some of the eight cards. `mig.mode.current` is `[N/A]` on such cards. */
export function linesOf(positions: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7], mig = ", [N/A]"): string {
  return positions
    .map((position) => {
      const [uuid, bus] = eightCards[position] ?? ["", ""];
      return `${String(position)}, ${uuid}, ${bus}, NVIDIA GeForce RTX 2080 Ti, 11019${mig}`;
    })
    .join("\n");
}

/** Returns the lines of some of the eight cards, numbered as by a driver that no longer counts the others. */
export function renumberedLinesOf(positions: readonly number[]): string {
  return positions.map((position, index) => linesOf([position]).replace(/^\d+/, String(index))).join("\n");
}

/** https://github.com/JosephKJ/OWOD/issues/81, with the bus ID of the third card. */
export const lostCard =
  "Unable to determine the device handle for GPU 0000:60:00.0: GPU is lost. Reboot the system to recover this GPU";
/** https://github.com/meta-llama/llama-models/issues/200, with the bus ID of the third card. */
export const lostCardOfNewDriver = "Unable to determine the device handle for GPU0000:60:00.0: Unknown Error";

/** https://github.com/tinygrad/open-gpu-kernel-modules/issues/47 */
export const mismatch = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.124";
/** https://github.com/NVIDIA/nvidia-docker/issues/988 */
export const noDriver =
  "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver " +
  "is installed and running.";
/** Exit code 6: https://man.archlinux.org/man/nvidia-smi.1 */
export const noDevices = "No devices were found";
/** On stdout, with exit code 2: https://github.com/CoHDI/composable-resource-operator/issues/37, for another field. */
export const unknownField = 'Field "mig.mode.current" is not a valid field to query.\n';

/** https://github.com/influxdata/telegraf/issues/5812. The bus IDs are those of https://github.com/NVIDIA/nccl/issues/1505. */
export const migQuery = [
  "0, GPU-513536b6-7d19-9063-b049-1e69664bb298, 00000000:07:00.0, NVIDIA A100-SXM4-80GB, 81920, Enabled",
  "1, GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95, 00000000:0F:00.0, NVIDIA A100-SXM4-80GB, 81920, Disabled",
].join("\n");
/** https://github.com/influxdata/telegraf/issues/5812 */
export const migList = [
  "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-513536b6-7d19-9063-b049-1e69664bb298)",
  "  MIG 1g.20gb     Device  0: (UUID: MIG-ce861fb0-a248-58ce-a9a8-f9adbc22a66a)",
  "  MIG 1g.20gb     Device  1: (UUID: MIG-a45882f0-9215-5733-a0c1-49286ab31cb5)",
  "  MIG 1g.20gb     Device  2: (UUID: MIG-f00d722c-f4e1-52c9-aa31-750441ae1bfe)",
  "  MIG 1g.20gb     Device  3: (UUID: MIG-930574a9-d43a-5d2b-95da-3e68384c8d6b)",
  "GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95)",
].join("\n");

/** GB10: https://github.com/unslothai/unsloth/pull/10703, its UUID: https://github.com/leptonai/gpud/pull/1170. */
export const unifiedMemory = "0, GPU-2dee1e25-b3b5-007e-2b55-79f2d0f2ebe5, 0000000F:01:00.0, NVIDIA GB10, [N/A], [N/A]";
/** A container without rights: https://github.com/Stability-AI/StableSwarmUI/issues/388, with a UUID of another thread. */
export const noPermission =
  "0, GPU-7fdaf0a5-179b-f636-d15d-daf243e3ff16, 00000000:07:00.0, NVIDIA A100-SXM4-80GB, [Insufficient Permissions], [N/A]";

/** https://github.com/wandb/wandb/pull/5449 (MI250X: names, unique IDs and bus IDs of an older version). */
export const rocmOld = `WARNING: 1 GPU[0] is in a low power state
{"card1": {"Unique ID": "0xff4251c4d1cac80c", "PCI Bus": "0000:CC:00.0", "VRAM Total Memory (B)": "68702699520",
"Card series": "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", "Card SKU": "D65201"},
"card0": {"Unique ID": "0x1f9de0957d137942", "PCI Bus": "0000:C9:00.0", "VRAM Total Memory (B)": "68702699520",
"Card series": "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", "Card SKU": "D65201"},
"system": {"Driver version": "5.13.20.5.1"}}
`;
/** https://github.com/ROCm/rocm_smi_lib/issues/159 (names of a newer version), with two nodes against the order of buses. */
export const rocmNew = `{
  "card0": { "Card Series": "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", "Card Model": "0x7408", "Node ID": "7",
    "GUID": "58294", "GFX Version": "gfx9010", "PCI Bus": "0000:C9:00.0", "Unique ID": "0x1f9de0957d137942" },
  "card1": { "Card Series": "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", "Card Model": "0x7408", "Node ID": "6",
    "GUID": "58295", "GFX Version": "gfx9010", "PCI Bus": "0000:CC:00.0", "Unique ID": "0xff4251c4d1cac80c" }
}
`;
/** Radeon 780M: https://github.com/sebhildebrandt/systeminformation/pull/960 */
export const rocmIntegrated = `{
    "card0": {
        "Device Name": "Phoenix3",
        "Device ID": "0x1900",
        "GUID": "45560",
        "Unique ID": "N/A",
        "PCI Bus": "0000:C4:00.0"
    }
}
`;

/**
 * Returns the output of `rocm-smi --showpidgpus` for one process: https://github.com/ROCm/ROC-smi/issues/60, and `printListLog`
 * in rocm_smi.py of https://github.com/ROCm/rocm_smi_lib.
 */
export function rocmProcesses(pid: string): string {
  return `============================ ROCm System Management Interface ============================
================================== GPUs Indexed by PID ===================================
PID 4194303 is using 0 DRM device(s)
PID ${pid} is using 2 DRM device(s):
0 1
==========================================================================================
================================== End of ROCm SMI Log ===================================`;
}
