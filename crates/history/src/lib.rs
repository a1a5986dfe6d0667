//! From contributions to employments and owner.
