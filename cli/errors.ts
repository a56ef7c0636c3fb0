import { defineError } from '../core/index.ts';

export const GatewayUnreachableError = defineError(
  'GatewayUnreachableError',
  'ERR_GATEWAY_UNREACHABLE',
  'No gateway answers.',
  'Start one (floormesh gateway run, or floormesh demo), and name its folder with --site DIR or FLOORMESH_SITE, or ' +
    'its address with FLOORMESH_GATEWAY and FLOORMESH_TOKEN.',
);
export const RolloutFailedError = defineError(
  'RolloutFailedError',
  'ERR_ROLLOUT_FAILED',
  'A rollout that was watched failed, or was paused.',
  'See floormesh rollout show and floormesh explain NODE; go on with floormesh rollout resume.',
);
