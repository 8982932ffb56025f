"""How the book is made: execute the chapters, keep what they gave, build the pages."""
