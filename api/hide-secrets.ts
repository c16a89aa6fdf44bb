import { unescape } from 'node:querystring';
import type { RequestHandler } from 'express';
import { hideSecrets } from '../preview/token-text.ts';

/**
 * Takes the secrets of tokens out of a request's address before anything sees it: people paste a whole token where its id
 * belongs, and addresses are logged and answered. Nothing that the API does needs a secret there.
 */
export const hideSecretsInUrl: RequestHandler = (request, _response, next) => {
  // Escapes mean the same to the routes, so they are no way around it.
  const plain = unescape(request.url);
  const hidden = hideSecrets(plain);
  if (hidden !== plain) {
    request.url = hidden;
    request.originalUrl = hidden;
  }
  next();
};
