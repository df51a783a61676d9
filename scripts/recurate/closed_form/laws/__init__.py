"""What theory says about closed-form loops."""
