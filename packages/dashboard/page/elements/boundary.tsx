import { Component, type ComponentChildren } from 'preact';
import { type Failure, failureOf } from '../server.ts';
import { Problem } from './problem.tsx';

interface BoundaryProps {
  /** What the content shows: when it changes, the content is tried again. */
  readonly subject: unknown;
  /** The heading of a failure that takes the whole screen. */
  readonly title?: string;
  readonly onRetry?: () => void;
  readonly children: ComponentChildren;
}

interface BoundaryState {
  readonly failed?: { readonly subject: unknown; readonly failure: Failure };
}

/** Shows why its content cannot be shown, in the place of it: the rest of the page continues to work. */
export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override componentDidCatch(error: unknown): void {
    this.setState({ failed: { subject: this.props.subject, failure: failureOf(error) } });
  }

  override render() {
    const { subject, title, onRetry, children } = this.props;
    const { failed } = this.state;
    if (!failed || failed.subject !== subject) return children;
    return (
      <>
        {title === undefined ? null : <h1>{title}</h1>}
        <Problem failure={failed.failure} onRetry={onRetry} />
      </>
    );
  }
}
