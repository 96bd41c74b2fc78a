"""`python -m cxsentiment` is `cxsentiment`, for environments whose scripts are not on the path."""

from cxsentiment.cli import main

if __name__ == "__main__":
    main()
