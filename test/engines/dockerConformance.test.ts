import { containerObstacle } from "../containers/containerObstacle.ts";
import { engineConformance } from "./conformance.ts";

engineConformance("container with docker", new URL("./dockerFactory.ts", import.meta.url), containerObstacle());
