export { renewalTime, type RenewalTimeOptions, type RetryOptions, retryTime, type SuggestedWindow, type Urgency, urgency, type Validity } from './renewal-time.ts';
