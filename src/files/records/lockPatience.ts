/**
 * Time in milliseconds that a statement waits for a lock of another process. Nothing else runs in the meantime, so it is
 * short; the client tries again.
 */
export const lockPatience = 100;
