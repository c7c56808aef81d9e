import { describe, expect, it } from "vitest";
import { epochsIn, testAccuracyIn } from "../../examples/quickstart/trainingLog.ts";

const log = `Learning rate per minibatch: 0.001
 Minibatch[   1- 500]: loss = 1.219876 * 32000, metric = 35.22% * 32000;
Finished Epoch[1 of 40]: [Training] loss = 0.639021 * 60000, metric = 19.03% * 60000 3.451s (17386.3 samples/s);
Finished Epoch[2 of 40]: [Training] loss = 0.203941 * 60000, metric = 5.92% * 60000 2.002s (29970.0 samples/s);
Finished Evaluation [1]: Minibatch[1-10]: metric = 0.75% * 10000;
`;

describe("the training log", () => {
  it("tells loss and accuracy of each epoch", () => {
    expect(epochsIn(log)).toEqual([
      { name: "1 of 40", loss: 0.639021, accuracy: expect.closeTo(80.97) },
      { name: "2 of 40", loss: 0.203941, accuracy: expect.closeTo(94.08) },
    ]);
  });

  it("tells the accuracy on the test images, or that there is none", () => {
    expect(testAccuracyIn(log)).toBeCloseTo(99.25);
    expect(testAccuracyIn("Finished Epoch[1 of 40]: stopped")).toBeUndefined();
  });
});
