import { slurmObstacle } from "../slurm/slurmObstacle.ts";
import { engineConformance } from "./conformance.ts";

engineConformance("slurm", new URL("./slurmFactory.ts", import.meta.url), slurmObstacle());
