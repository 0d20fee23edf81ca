import { Component, type ReactNode } from 'react';
import { Button } from './Button';
import { Notice } from './Notice';

interface Props {
  /** A change of this (the path) gives the page another chance. */
  resetKey: string;
  children: ReactNode;
}

/** Shows words instead of a blank page when a component throws, or when its code cannot be loaded. */
export class ErrorBoundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override componentDidUpdate(before: Props): void {
    if (before.resetKey !== this.props.resetKey && this.state.failed) this.setState({ failed: false });
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice icon="alert" title="This page stopped working">
        <p>Uploads that were running can be resumed. Loading the page again usually helps.</p>
        <Button look="primary" icon="replay" onClick={() => location.reload()}>
          Load again
        </Button>
      </Notice>
    );
  }
}
