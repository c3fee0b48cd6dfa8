"""What Heap and Braze call: Segment Sync pages and Currents events, over HTTP."""
