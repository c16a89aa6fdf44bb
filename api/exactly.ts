import type { RouterOptions } from 'express';

/** How every router of the API reads paths: what a request takes follows from its path, so a path has one spelling. */
export const EXACTLY: RouterOptions = { caseSensitive: true };
