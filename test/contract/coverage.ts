import { describe, expect, test } from 'vitest';

import { type Contract, IS_LOCAL } from './endpoint.ts';
import { NEVER_REFUSED, OPERATIONS, type ServiceName } from './operations.ts';

/**
 * Holds the tests of this file to the model: each operation of `service` must have succeeded and must have refused, as
 * the SDK saw it. It looks at the calls that were really made, so it belongs at the end of the file, and holds only
 * for a run of the whole file.
 */
export function describeCoverage(service: ServiceName, contract: Contract): void {
  describe(`every modelled operation of ${service}`, () => {
    test.for(OPERATIONS[service])(
      '%s has a case that succeeds and one that is refused',
      (operation, { skip }) => {
        if (contract.lacks(service, operation)) skip(`the endpoint lacks ${service} ${operation}`);
        const calls = contract.calls.filter(
          (call) => call.service === service && call.operation === operation,
        );
        const succeeded = calls.some(({ refusal }) => refusal === undefined);
        const refused = calls.some(({ refusal }) => refusal !== undefined);
        // Some cases need what only a cloud of our own can do.
        const refusable = !NEVER_REFUSED.includes(operation);
        if (!IS_LOCAL && !(succeeded && (refused || !refusable)))
          skip(`${service} ${operation} was not asked both ways`);
        expect({ succeeded, refused }).toEqual({
          succeeded: true,
          refused: refusable,
        });
      },
    );
  });
}
