// The library wants the Reflect metadata API in place before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

export { x509 };
