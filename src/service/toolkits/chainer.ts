import { mpiScriptToolkit } from "./mpi.ts";
import type { Toolkit } from "./toolkit.ts";

/** Chainer: a script under MPI. */
export const chainer: Toolkit<"chainerSettings"> = {
  toolType: "chainer",
  property: "chainerSettings",
  ...mpiScriptToolkit("Chainer"),
};
