// The screens of certificates and their orders, which are loaded together.
export { Overview } from './overview.tsx';
export { Certificates } from './certificates.tsx';
export { Calendar } from './calendar.tsx';
export { Certificate } from './certificate.tsx';
export { Order } from './order.tsx';
export { Orders } from './orders.tsx';
export { NewCertificate } from './new-certificate.tsx';
export { Templates } from './templates.tsx';
