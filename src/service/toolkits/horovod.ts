import { mpiScriptToolkit } from "./mpi.ts";
import type { Toolkit } from "./toolkit.ts";

/** Horovod: a script under MPI. */
export const horovod: Toolkit<"horovodSettings"> = {
  toolType: "horovod",
  property: "horovodSettings",
  ...mpiScriptToolkit("Horovod"),
};
