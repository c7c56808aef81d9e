import type { PropertyStore } from "../records/propertyStore.ts";
import { steadyNow } from "../times.ts";

const longestBreak = 60_000;

/**
 * Corrects stored times at the start. If the wall clock was set back since they were stored, a lease or a deleted share
 * would last longer than its duration: it gets its full duration again, and no more.
 */
export function correctTimes(properties: PropertyStore): void {
  const now = Math.floor(steadyNow());
  const wrong = properties.get(
    `SELECT 1 FROM leases
     WHERE lease ->> '$.endsAt' > ?1 + (lease ->> '$.duration') * 1000 OR lease ->> '$.brokenAt' > ?1 + ${longestBreak}
     UNION SELECT 1 FROM deleted_shares WHERE deleted_on > ?1 LIMIT 1`,
    now,
  );
  // Another process may have locked the database, which should not prevent a start.
  if (wrong === undefined) return;
  properties.transaction(() => {
    properties.run(
      `UPDATE leases SET lease = json_set(lease, '$.endsAt', ?1 + (lease ->> '$.duration') * 1000)
       WHERE lease ->> '$.endsAt' > ?1 + (lease ->> '$.duration') * 1000`,
      now,
    );
    properties.run(
      "UPDATE leases SET lease = json_set(lease, '$.brokenAt', ?1) WHERE lease ->> '$.brokenAt' > ?1",
      now + longestBreak,
    );
    properties.run(
      `UPDATE deleted_shares SET expires_on = ?1 + expires_on - deleted_on, deleted_on = ?1 WHERE deleted_on > ?1`,
      now,
    );
  });
}
