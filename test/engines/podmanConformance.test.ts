import { containerObstacle } from "../containers/containerObstacle.ts";
import { engineConformance } from "./conformance.ts";

engineConformance("container with podman", new URL("./podmanFactory.ts", import.meta.url), containerObstacle());
