/** Which runtimes a node should prove. In: catalog, configuration, verdicts. Out: offers. */
export * from './plan.ts';
export { RuntimeOffers } from './offers.ts';
